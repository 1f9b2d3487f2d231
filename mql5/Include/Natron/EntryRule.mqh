// Which way a signal points, by the rule chosen; 1 long, -1 short, 0 neither and why.
#include "Settings.mqh"

class CEntryRule
  {
private:
   string            m_why;
   double            m_probability;

   int               None(const string why)
     {
      m_why=why;
      return(0);
     }
   static double     Share(const long ppm) { return((double)ppm/(double)LINE_PPM); }
   //--- of two sides, the one that holds; both or neither is no entry
   int               One(const bool long_side,const bool short_side,const string why)
     {
      if(long_side && short_side)
         return(None("long and short at once"));
      if(!long_side && !short_side)
         return(None(why));
      return(long_side ? 1 : -1);
     }
   //--- win with the chance p the take, else lose the stop, and pay the costs either way; in points
   int               ExpectedValue(const SLine &line,const SNatronSettings &s,const double stop,const double take,const double spread)
     {
      if(!line.has_outlook)
         return(None("the bundle has no chance of profit (long_win, short_win)"));
      double costs=spread+s.commission_points;
      double p_long=Share(line.long_win);
      double p_short=Share(line.short_win);
      double edge_long=p_long*take-(1-p_long)*stop-costs;
      double edge_short=p_short*take-(1-p_short)*stop-costs;
      int side=One(edge_long>s.min_edge_points && p_long>=s.min_probability,edge_short>s.min_edge_points && p_short>=s.min_probability,
                   "no edge after costs");
      m_probability=side<0 ? p_short : p_long;
      return(side);
     }
   int               Direction(const SLine &line,const SNatronSettings &s)
     {
      double up=Share(line.up);
      double down=Share(line.down);
      int side=One(line.up>line.down && line.up>line.neutral && up>=s.min_probability,
                   line.down>line.up && line.down>line.neutral && down>=s.min_probability,"direction is not clear enough");
      m_probability=side<0 ? down : up;
      return(side);
     }
   int               Setup(const SLine &line,const SNatronSettings &s)
     {
      double buy=Share(line.buy);
      double sell=Share(line.sell);
      int side=One(line.buy>LINE_PPM/2 && buy>=s.min_probability,line.sell>LINE_PPM/2 && sell>=s.min_probability,"no setup");
      m_probability=side<0 ? sell : buy;
      return(side);
     }
   int               Policy(const SLine &line)
     {
      if(!line.has_policy)
         return(None("the bundle has no policy"));
      m_probability=Share(line.size);
      return(line.action!=0 && line.size>0 ? (int)line.action : None("the policy stays flat"));
     }
   //--- another head that points the other way
   static string     Opponent(const SLine &line,const int side)
     {
      int direction=line.up>line.down && line.up>line.neutral ? 1 : line.down>line.up && line.down>line.neutral ? -1 : 0;
      if(direction==-side)
         return("direction");
      if(line.has_policy && line.action==-side)
         return("policy");
      return("");
     }

public:
   string            Why(void) const { return(m_why); }
   double            Probability(void) const { return(m_probability); }
   //--- stop, take and spread in points
   int               Side(const SLine &line,const SNatronSettings &s,const double stop,const double take,const double spread)
     {
      m_why="";
      m_probability=0;
      int side=0;
      switch(s.rule)
        {
         case RULE_EXPECTED_VALUE: side=ExpectedValue(line,s,stop,take,spread); break;
         case RULE_DIRECTION:      side=Direction(line,s); break;
         case RULE_SETUP:          side=Setup(line,s); break;
         case RULE_POLICY:         side=Policy(line); break;
        }
      if(side==0)
         return(0);
      string opponent=Opponent(line,side);
      return(opponent=="" ? side : None(opponent+" points the other way"));
     }
  };

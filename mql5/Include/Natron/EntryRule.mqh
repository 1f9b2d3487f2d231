// Which way a signal points, by the rule chosen; 1 long, -1 short, 0 neither and why.
#include "Settings.mqh"

class CEntryRule
  {
private:
   string            m_why;
   double            m_size;

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
   //--- the move that the difference of the two chances of profit makes expected, against the costs of a round trip;
   //    both in points (docs/decisions/0020)
   int               ExpectedValue(const SLine &line,const SNatronSettings &s,const double atr,const double bid,const double spread)
     {
      if(!line.has_outlook)
         return(None("the bundle has no chance of profit (long_win, short_win)"));
      double move=M_PI/4*MathSqrt(s.win_horizon)*atr*(Share(line.long_win)-Share(line.short_win));
      double costs=spread+2*(s.slippage_bps+s.commission_bps)*bid/10000/_Point;
      return(One(move>s.min_edge*costs,-move>s.min_edge*costs,"no edge after costs"));
     }
   int               Direction(const SLine &line,const SNatronSettings &s)
     {
      int side=Clear(line);
      return(One(side>0 && Share(line.up)>=s.min_direction,side<0 && Share(line.down)>=s.min_direction,"direction is not clear enough"));
     }
   int               Setup(const SLine &line,const SNatronSettings &s)
     {
      return(One(Share(line.buy)>=s.min_setup,Share(line.sell)>=s.min_setup,"no setup"));
     }
   int               Policy(const SLine &line)
     {
      if(!line.has_policy)
         return(None("the bundle has no policy"));
      m_size=Share(line.size);
      return(line.action!=0 && line.size>0 ? (int)line.action : None("the policy stays flat"));
     }
   //--- another head that points the other way
   static string     Opponent(const SLine &line,const int side)
     {
      if(Clear(line)==-side)
         return("direction");
      if(line.has_policy && line.action==-side)
         return("policy");
      return("");
     }

public:
   //--- the direction that is more probable than both others; 0: none is
   static int        Clear(const SLine &line)
     {
      if(line.up>line.down && line.up>line.neutral)
         return(1);
      return(line.down>line.up && line.down>line.neutral ? -1 : 0);
     }
   //--- place of the most probable regime
   static int        Regime(const SLine &line)
     {
      int most=0;
      for(int at=1; at<6; at++)
         if(line.regime[at]>line.regime[most])
            most=at;
      return(most);
     }
   static string     RegimeName(const SLine &line)
     {
      string names[]={"BULL_STRONG","BULL_WEAK","RANGE","BEAR_WEAK","BEAR_STRONG","VOLATILE"};
      return(names[Regime(line)]);
     }
   string            Why(void) const { return(m_why); }
   //--- of the full size, that the policy wants
   double            Size(void) const { return(m_size); }
   //--- mean true range and spread in points
   int               Side(const SLine &line,const SNatronSettings &s,const double atr,const double bid,const double spread)
     {
      m_why="";
      m_size=1;
      int side=0;
      switch(s.rule)
        {
         case RULE_EXPECTED_VALUE: side=ExpectedValue(line,s,atr,bid,spread); break;
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

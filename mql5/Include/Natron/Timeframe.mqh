// Timeframes by their width in seconds, named as MetaTrader names them.
class CTimeframe
  {
public:
   static string     Name(const long width_s)
     {
      int minutes[]={1,2,3,4,5,6,10,12,15,20,30};
      int hours[]={1,2,3,4,6,8,12};
      for(int at=0; at<ArraySize(minutes); at++)
         if(width_s==60*minutes[at])
            return("M"+IntegerToString(minutes[at]));
      for(int at=0; at<ArraySize(hours); at++)
         if(width_s==3600*hours[at])
            return("H"+IntegerToString(hours[at]));
      if(width_s==86400)
         return("D1");
      return(width_s==604800 ? "W1" : "");
     }
  };
